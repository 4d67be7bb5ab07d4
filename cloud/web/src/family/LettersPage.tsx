import "./family.css";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { explain } from "../shared/explain";
import { Waiting } from "../shared/Waiting";
import { useTold } from "./told";

type Letter = components["schemas"]["LetterOut"];
const KEY = ["family-letters"];

/** 每周一信: the weeks as they were told, the newest open. */
export default function LettersPage(): ReactNode {
  const { t } = useTranslation("family");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: KEY,
    queryFn: () => answer(client.GET("/api/v1/family/letters")),
  });
  if (data === undefined && failureReason !== null)
    return (
      <p role="alert" className="family-failed">
        {t("lettersFailed", { why: explain(common, failureReason) })}
      </p>
    );
  if (data === undefined) return <Waiting />;
  if (data.letters.length === 0) return <p className="family-empty">{t("noLetters")}</p>;
  return (
    <div className="family">
      {data.letters.map((letter) => (
        <OneLetter key={letter.id} letter={letter} />
      ))}
    </div>
  );
}

function OneLetter({ letter }: { letter: Letter }): ReactNode {
  const { t } = useTranslation("family");
  const told = useTold();
  const queryClient = useQueryClient();
  const [opened, setOpened] = useState(false);
  const { text_zh, text_en } = letter;
  const read = async () => {
    if (letter.read_at !== null || text_zh === null) return;
    await client.POST("/api/v1/family/letters/{letter_id}/read", { params: { path: { letter_id: letter.id } } });
    await queryClient.invalidateQueries({ queryKey: KEY });
  };
  return (
    <details
      className="family-card"
      data-testid="family-letter"
      onToggle={(event) => {
        setOpened(event.currentTarget.open);
        if (event.currentTarget.open) void read();
      }}
    >
      <summary>
        {t("letterOf", { name: letter.elder_name, day: letter.week })}
        {letter.read_at === null && text_zh !== null && <strong className="family-new"> {t("newLetter")}</strong>}
      </summary>
      {opened &&
        (text_zh === null || text_en === null ? (
          <p>{t("letterHidden")}</p>
        ) : (
          told({ text_zh, text_en })
            .split("\n")
            .map((line) => <p key={line}>{line}</p>)
        ))}
    </details>
  );
}
