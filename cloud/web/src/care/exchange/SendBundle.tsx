import { type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { saveFile } from "../../shared/saveFile";
import { useMe } from "../../shared/useMe";
import { exchange } from "./calls";

/** An elder's record as a signed file for another body, where the elder agreed to it. */
export function SendBundle({ elderId }: { elderId: string }): ReactNode {
  const { t } = useTranslation("exchange");
  const { me } = useMe();
  if (!me?.permissions.includes("records_export")) return null;
  return (
    <p>
      <AskButton
        label={t("send")}
        title={t("sendHint")}
        testId="send-bundle"
        questions={[
          { name: "recipient", label: t("recipient"), required: true },
          { name: "purpose", label: t("purpose"), required: true },
          { name: "version", label: t("version"), initial: "r5", options: [{ value: "r5", label: "R5" }, { value: "r4b", label: "R4B" }] },
          { name: "number", label: t("withNumber"), initial: "no", options: [{ value: "no", label: t("no") }, { value: "yes", label: t("yes") }] },
        ]}
        onAnswer={async ({ recipient = "", purpose = "", version, number }) => {
          const made = await exchange.bundle(elderId, {
            recipient, purpose, version: version === "r4b" ? "r4b" : "r5", with_citizen_number: number === "yes",
          });
          const text = typeof made === "string" ? made : JSON.stringify(made);
          saveFile(new Blob([text], { type: "application/fhir+json" }), `bundle-${elderId}.json`);
        }}
      />
    </p>
  );
}
