import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { CallFailure, failureFromAnswer, failureFromError } from "../api/failure";
import { explain } from "../shared/explain";
import { saveFile } from "../shared/saveFile";

const FORMATS = ["pdf", "excel", "document"] as const;
const ENDINGS = { pdf: "pdf", excel: "xlsx", document: "json" };

/** A large city's sheet takes a while: it says that it is being made, and when it is there. */
export function Downloads({ month }: { month: string }): ReactNode {
  const { t, i18n } = useTranslation("bureau");
  const { t: common } = useTranslation();
  const [busy, setBusy] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const [failure, setFailure] = useState<string | null>(null);

  const fetchFile = async (format: (typeof FORMATS)[number]) => {
    setBusy(format);
    setSaid(t("making"));
    setFailure(null);
    try {
      const language = i18n.language === "en" ? "en" : "zh";
      const query = new URLSearchParams({ month: `${month}-01`, ...(format === "document" ? {} : { language }) }).toString();
      const response = await fetch(new Request(`/api/v1/bureau/sheet/${format}?${query}`));
      if (!response.ok) throw failureFromAnswer(response, await response.json());
      const name = `oversight-${month}.${ENDINGS[format]}`;
      saveFile(await response.blob(), name);
      setSaid(t("made", { name }));
    } catch (problem) {
      setSaid("");
      setFailure(t("failed", { why: explain(common, problem instanceof CallFailure ? problem : failureFromError(problem)) }));
    } finally {
      setBusy(null);
    }
  };

  return (
    <div className="bureau-downloads no-print">
      {FORMATS.map((format) => (
        <Button key={format} loading={busy === format} disabled={busy !== null} onClick={() => void fetchFile(format)}>
          {t(format)}
        </Button>
      ))}
      <span role="status">{said}</span>
      {busy !== null && <progress aria-label={t("making")} />}
      {failure !== null && <p role="alert">{failure}</p>}
    </div>
  );
}
