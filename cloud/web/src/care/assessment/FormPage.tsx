import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useParams } from "react-router";

import { explain } from "../../shared/explain";
import { Waiting } from "../../shared/Waiting";
import { type Assessment, assessmentApi, type Form } from "./api";
import { drafts, keptForm } from "./drafts";
import { draftOf } from "./newDraft";
import { ReportView } from "./ReportView";
import { TheForm } from "./TheForm";
import { useKept } from "./useDrafts";

/** The form itself: asked for once, and kept for a bedside without a network. */
function useForm(): { form: Form | undefined; error: Error | null } {
  const { data, failureReason } = useQuery({
    queryKey: ["assessment-form"],
    queryFn: async () => {
      const form = await assessmentApi.form();
      keptForm.write(form);
      return form;
    },
    initialData: () => keptForm.read() ?? undefined,
    staleTime: 3_600_000,
  });
  return { form: data, error: failureReason };
}

/** One assessment: what this device keeps of it, else what the server has. */
export function FormPage(): ReactNode {
  const { t } = useTranslation("care");
  const { t: common } = useTranslation();
  const { elderId = "", assessmentId = "" } = useParams();
  const state = useLocation().state as { name?: string } | null;
  const { form, error } = useForm();
  const kept = useKept(assessmentId);
  const saved = useQuery({
    queryKey: ["assessment", assessmentId],
    queryFn: () => assessmentApi.one(elderId, assessmentId),
    enabled: kept === null,
  });
  const data: Assessment | undefined = saved.data;
  // Not from an older visit: what this device goes on with must be the newest.
  const isDraft = saved.isFetchedAfterMount && data?.filed_at === null;
  useEffect(() => {
    if (kept === null && isDraft) {
      drafts.put(assessmentId, {
        elderId,
        elderName: state?.name ?? "",
        draft: draftOf(data),
        changes: 0,
        sent: 0,
        refused: null,
      });
    }
  }, [kept, isDraft, data, assessmentId, elderId, state?.name]);

  const failure = form === undefined ? error : kept === null ? saved.failureReason : null;
  if (failure !== null) {
    return (
      <p role="alert" className="banner">
        {t("form.unknownForm", { why: explain(common, failure) })}
      </p>
    );
  }
  if (data?.report && kept === null) {
    return <ReportView assessment={data} report={data.report} name={state?.name ?? ""} />;
  }
  if (form === undefined || kept === null) return <Waiting />;
  return <TheForm key={assessmentId} id={assessmentId} kept={kept} form={form} onFiled={() => void saved.refetch()} />;
}
