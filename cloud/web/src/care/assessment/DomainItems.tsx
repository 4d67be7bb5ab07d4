import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { codeOf, type Domain, type Item } from "./api";

type Answers = Record<string, string>;

const scoreOf = (item: Item, answers: Answers): number =>
  item.options.find((option) => codeOf(option) === answers[item.code])?.score ?? 0;

function ItemChoice({ item, answer, onAnswer }: { item: Item; answer: string | undefined; onAnswer: (code: string) => void }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const zh = i18n.language === "zh";
  return (
    <fieldset className="item" id={`item-${item.code}`} data-answered={answer !== undefined}>
      <legend>
        {item.code} {zh ? item.name_zh : item.name_en}
      </legend>
      {!zh && <p className="scope">{item.scope_en}</p>}
      {item.note !== undefined && <p className="scope">{zh ? t("form.rateNote") : item.note}</p>}
      {item.options.map((option) => {
        const code = codeOf(option);
        return (
          <label key={code} className="option">
            <input
              type="radio"
              name={item.code}
              value={code}
              checked={answer === code}
              onChange={() => onAnswer(code)}
            />
            <span className="option-score">{option.score}</span>
            <span>{zh ? option.zh : option.en}</span>
          </label>
        );
      })}
    </fieldset>
  );
}

/** One domain of the form, with what its answers add up to so far. */
export function DomainItems({ domain, answers, onAnswer }: { domain: Domain; answers: Answers; onAnswer: (item: string, answer: string) => void }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const score = domain.items.reduce((sum, item) => sum + scoreOf(item, answers), 0);
  return (
    <section aria-labelledby={`domain-${domain.code}`}>
      <h3 id={`domain-${domain.code}`} className="domain-head">
        <span>
          {domain.code} {i18n.language === "zh" ? domain.name_zh : domain.name_en}
        </span>
        <span className="number">{t("form.subtotal", { score, highest: domain.max })}</span>
      </h3>
      <div className="items">
        {domain.items.map((item) => (
          <ItemChoice key={item.code} item={item} answer={answers[item.code]} onAnswer={(code) => onAnswer(item.code, code)} />
        ))}
      </div>
    </section>
  );
}
