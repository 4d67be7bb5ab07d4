import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type Assessment = Schemas["AssessmentOut"];
export type Assessments = Schemas["AssessmentsOut"];
export type Draft = Required<Schemas["DraftIn"]>;
export type DueList = Schemas["DueListOut"];
export type Incident = Schemas["IncidentOut"];
export type Settings = Schemas["SettingsIO"];
export type Report = Schemas["ReportOut"];

/** The form's file as the hub sends it (cloud/care/data/ability_assessment.json). */
export type Option = { score: number; zh: string; en: string; flag?: string };
export type Item = {
  code: string;
  name_zh: string;
  name_en: string;
  scope_en: string;
  max: number;
  options: Option[];
  note?: string;
};
export type Domain = { code: string; name_zh: string; name_en: string; max: number; items: Item[] };
export type Form = {
  standard: { id: string };
  domains: Domain[];
  assessment_reasons: { code: number; zh: string; en: string }[];
  form: { A4_diagnoses: [string, string][]; A5: string[] };
};

/** What is stored for an option: its flag where two share a score, else the score. */
export const codeOf = (option: Option): string => option.flag ?? String(option.score);

const of = (elder_id: string, assessment_id: string) => ({
  params: { path: { elder_id, assessment_id } },
});

export const assessmentApi = {
  form: async (): Promise<Form> =>
    (await answer(client.GET("/api/v1/assessment-form"))).form as unknown as Form,
  settings: (): Promise<Settings> => answer(client.GET("/api/v1/assessment-settings")),
  setSettings: (body: Settings): Promise<Settings> => answer(client.PUT("/api/v1/assessment-settings", { body })),
  due: (): Promise<DueList> => answer(client.GET("/api/v1/assessments-due")),
  incidents: (elder_id: string, reference_date: string) =>
    answer(
      client.GET("/api/v1/elders/{elder_id}/assessment-incidents", {
        params: { path: { elder_id }, query: { reference_date } },
      }),
    ),
  ofElder: (elder_id: string): Promise<Assessments> =>
    answer(client.GET("/api/v1/elders/{elder_id}/assessments", { params: { path: { elder_id } } })),
  one: (elder: string, id: string): Promise<Assessment> =>
    answer(client.GET("/api/v1/elders/{elder_id}/assessments/{assessment_id}", of(elder, id))),
  save: (elder: string, id: string, draft: Draft): Promise<Assessment> =>
    answer(
      client.PUT("/api/v1/elders/{elder_id}/assessments/{assessment_id}", {
        ...of(elder, id),
        body: draft,
      }),
    ),
  file: (elder: string, id: string, version: number): Promise<Assessment> =>
    answer(
      client.POST("/api/v1/elders/{elder_id}/assessments/{assessment_id}/file", {
        ...of(elder, id),
        body: { version },
      }),
    ),
  reportAddress: (elder: string, id: string): string =>
    `/api/v1/elders/${elder}/assessments/${id}/report.pdf`,
};
