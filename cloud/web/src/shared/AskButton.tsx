import "./ask.css";

import Button from "antd/es/button";
import { type ReactNode, type SyntheticEvent, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "./explain";
import { SelectField, TextField } from "./forms";

export type Question = {
  name: string;
  label: string;
  initial?: string;
  required?: boolean;
  type?: "text" | "date" | "datetime-local" | "number";
  multiline?: boolean;
  options?: readonly { value: string; label: string }[];
};

export type Answers = Readonly<Record<string, string>>;

type Props = {
  label: string;
  /** What the dialog says above its questions; without it, the label. */
  title?: string;
  questions?: readonly Question[];
  onAnswer: (answers: Answers) => Promise<void>;
  testId?: string;
};

/** A button that asks before it acts: what it needs to know, or only whether it is meant. */
export function AskButton(props: Props): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <span className="action">
      <Button size="small" data-testid={props.testId} onClick={() => setOpen(true)}>
        {props.label}
      </Button>
      {open && <AskDialog {...props} onClose={() => setOpen(false)} />}
    </span>
  );
}

/** A native dialog: it traps the focus, closes on Escape and gives the focus back. */
function AskDialog({ label, title, questions = [], onAnswer, onClose }: Props & { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const [answers, setAnswers] = useState<Answers>(
    Object.fromEntries(questions.map(({ name, initial }) => [name, initial ?? ""])),
  );
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const send = async (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await onAnswer(Object.fromEntries(Object.entries(answers).map(([name, value]) => [name, value.trim()])));
      dialog.current?.close();
    } catch (problem) {
      setFailure(explain(t, problem));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} className="ask" aria-labelledby={titleId} data-testid="ask" onClose={onClose}>
      <form onSubmit={(event) => void send(event)}>
        <h2 id={titleId}>{title ?? label}</h2>
        {questions.map(({ name, label: question, required, type, multiline, options }) => {
          const shared = {
            label: question,
            ...(required === undefined ? {} : { required }),
            value: answers[name] ?? "",
            testId: `ask-${name}`,
            onChange: (value: string) => setAnswers((before) => ({ ...before, [name]: value })),
          };
          return options === undefined ? (
            <TextField key={name} {...shared} {...(type && { type })} {...(multiline && { multiline })} />
          ) : (
            <SelectField key={name} {...shared} options={options} />
          );
        })}
        {failure !== null && <p role="alert">{failure}</p>}
        <div className="ask-end">
          <Button onClick={() => dialog.current?.close()}>{t("form.cancel")}</Button>
          <Button type="primary" htmlType="submit" loading={busy} data-testid="ask-submit">
            {label}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
