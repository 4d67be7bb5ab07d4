import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type CareMap = Schemas["CareMapOut"];
export type House = Schemas["MapHouseOut"];
export type Beds = Schemas["KindOfBedsOut"];
export type BedKind = Beds["kind"];
export type NeedKind = Schemas["CareNeedIn"]["kind"];
export type Matches = Schemas["MatchesOut"];
export type Candidate = Schemas["OfferOut"];
export type Reason = Schemas["MatchReasonOut"];
export type Service = Schemas["CareServiceOut"];
export type OpenNeed = Schemas["OpenNeedOut"];
export type Waiting = Schemas["WaitingOut"];
export type Responder = Schemas["ResponderOut"];
export type Profile = Schemas["CareMapProfileOut"];
export type ProfileIn = Schemas["CareMapProfileIn"];

export const CARE_MAP_KEYS = {
  map: ["care-map"],
  needs: ["care-map", "needs"],
  responders: ["care-map", "responders"],
  profile: ["care-map", "profile"],
} as const;

export const careMap = {
  map: () => answer(client.GET("/api/v1/bureau/care-map")),
  matchBeds: (body: Schemas["BedNeedIn"]) => answer(client.POST("/api/v1/bureau/care-map/matches", { body })),
  needs: () => answer(client.GET("/api/v1/care-map/needs")),
  matchNeed: (body: Schemas["CareNeedIn"]) => answer(client.POST("/api/v1/care-map/matches", { body })),
  responders: () => answer(client.GET("/api/v1/care-map/responders")),
  setResponder: (responder_id: string, body: Schemas["ResponderIn"]) =>
    answer(client.PUT("/api/v1/care-map/responders/{responder_id}", { params: { path: { responder_id } }, body })),
  profile: () => answer(client.GET("/api/v1/care-map/profile")),
  setProfile: (body: ProfileIn) => answer(client.PUT("/api/v1/care-map/profile", { body })),
};
