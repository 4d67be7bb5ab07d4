/** Calls for elders' records. */
import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type Elder = Schemas["ElderOut"];
export type ElderIn = Schemas["ElderIn"];
export type ElderPage = Schemas["ElderPage"];
export type Vocabulary = Schemas["VocabularyOut"];
export type Contact = Schemas["ContactIn"];
export type ConsentIn = Schemas["ConsentIn"];
export type FamilyIn = Schemas["FamilyIn"];
export type FamilyMember = Schemas["FamilyOut"];
export type RiskIn = Schemas["RiskIn"];
export type Coverage = Schemas["ElderCoverageDetail"];
export type FactIn = Schemas["FactIn"];
export type Series = Schemas["SeriesOut"];
export type Stay = Schemas["StayOut"];
export type Erased = Schemas["ElderEraseOut"];
export type EndReason = NonNullable<Stay["end_reason"]>;

export const ELDER_KEYS = {
  list: (query: object) => ["elders", query],
  page: (id: string) => ["elder", id, "page"],
  part: (id: string, part: string) => ["elder", id, part],
  all: (id: string) => ["elder", id],
  vocabulary: ["vocabulary"],
  openRisks: ["open-risks"],
} as const;

const of = (elder_id: string) => ({ params: { path: { elder_id } } });

export const elders = {
  list: (query: { q?: string; home_only?: boolean; everybody?: boolean; after?: string }) =>
    answer(client.GET("/api/v1/elders", { params: { query } })),
  vocabulary: (): Promise<Vocabulary> => answer(client.GET("/api/v1/vocabulary")),
  add: (body: ElderIn): Promise<Elder> => answer(client.POST("/api/v1/elders", { body })),
  coverage: (id: string): Promise<Coverage> => answer(client.GET("/api/v1/coverage/{elder_id}", of(id))),
  page: (id: string): Promise<ElderPage> => answer(client.GET("/api/v1/elders/{elder_id}/page", of(id))),
  change: (id: string, version: number, body: ElderIn): Promise<Elder> =>
    answer(
      client.PUT("/api/v1/elders/{elder_id}", {
        params: { path: { elder_id: id }, header: { "If-Match": `"${version}"` } },
        body,
      }),
    ),
  photo: (id: string, photo: Blob) =>
    answer(
      client.PUT("/api/v1/elders/{elder_id}/photo", {
        ...of(id),
        body: photo as unknown as string,
        bodySerializer: () => photo,
        headers: { "Content-Type": "image/jpeg" },
      }),
    ),
  series: (id: string, quantity: string, from: string, to: string) =>
    answer(
      client.GET("/api/v1/elders/{elder_id}/series", {
        params: { path: { elder_id: id }, query: { quantity, from, to, points: 500 } },
      }),
    ),
  day: (id: string, day: string) =>
    answer(client.GET("/api/v1/elders/{elder_id}/day", { params: { path: { elder_id: id }, query: { day } } })),
  erase: (id: string, reason: string): Promise<Erased> =>
    answer(client.POST("/api/v1/elders/{elder_id}/erase", { ...of(id), body: { reason } })),
  openRisks: () => answer(client.GET("/api/v1/risks/open")),
  addFact: (id: string, body: FactIn) => answer(client.POST("/api/v1/elders/{elder_id}/facts", { ...of(id), body })),
  contacts: (id: string, contacts: Contact[]) =>
    answer(client.PUT("/api/v1/elders/{elder_id}/contacts", { ...of(id), body: { contacts } })),
  stays: (id: string) => answer(client.GET("/api/v1/elders/{elder_id}/stays", of(id))),
  moveIn: (id: string, bed_id: string, at: string) =>
    answer(client.POST("/api/v1/elders/{elder_id}/stays", { ...of(id), body: { bed_id, at, note: "" } })),
  leave: (id: string, at: string, reason: EndReason) =>
    answer(client.POST("/api/v1/elders/{elder_id}/leave", { ...of(id), body: { at, reason, note: "" } })),
  correctStay: (stay: Stay, valid_from: string, reason: string) =>
    answer(
      client.PUT("/api/v1/stays/{stay_id}", {
        params: { path: { stay_id: stay.id } },
        body: { bed_id: stay.bed_id, valid_from, valid_until: stay.valid_until, reason },
      }),
    ),
  family: (id: string) => answer(client.GET("/api/v1/elders/{elder_id}/family", of(id))),
  addFamily: (id: string, body: FamilyIn) =>
    answer(client.POST("/api/v1/elders/{elder_id}/family", { ...of(id), body })),
  endFamily: (id: string, member: FamilyMember) =>
    answer(
      client.DELETE("/api/v1/elders/{elder_id}/family/{family_member_id}", {
        params: {
          path: { elder_id: id, family_member_id: member.id },
          header: { "If-Match": `"${member.version}"` },
        },
      }),
    ),
  consents: (id: string) => answer(client.GET("/api/v1/elders/{elder_id}/consents", of(id))),
  addConsent: (id: string, body: ConsentIn) =>
    answer(client.POST("/api/v1/elders/{elder_id}/consents", { ...of(id), body })),
  withdraw: (id: string, consent_id: string, withdrawn_by: string) =>
    answer(
      client.POST("/api/v1/elders/{elder_id}/consents/{consent_id}/withdrawal", {
        params: { path: { elder_id: id, consent_id } },
        body: { withdrawn_by, note: "" },
      }),
    ),
  risks: (id: string) => answer(client.GET("/api/v1/elders/{elder_id}/risks", of(id))),
  assess: (id: string, body: RiskIn) =>
    answer(client.PUT("/api/v1/elders/{elder_id}/risks", { ...of(id), body })),
};
