import { answer, client } from "../../api/client";
import { CallFailure, failureFromAnswer } from "../../api/failure";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type List = Schemas["ListOut"];
export type ListIn = Schemas["ListIn"];
export type Row = Schemas["RowOut"];
export type Difference = Row["difference"];
export type Decision = Schemas["RowDecisionIn"];
export type Value = Schemas["MeaningIn"]["value"];

/** In the order in which a person works through them. */
export const DIFFERENCES: readonly Difference[] = ["changed", "new", "gone", "conflict", "unreadable", "same"];

export const LIST_KEYS = {
  lists: ["matching-lists"],
  list: (id: string) => ["matching-lists", id],
  rows: (id: string, difference: Difference) => ["matching-lists", id, "rows", difference],
} as const;

const one = (matching_list_id: string) => ({ params: { path: { matching_list_id } } });
const row = (matching_list_id: string, matching_row_id: string) => ({
  params: { path: { matching_list_id, matching_row_id } },
});

export const lists = {
  all: () => answer(client.GET("/api/v1/matching-lists")),
  add: (body: ListIn) => answer(client.POST("/api/v1/matching-lists", { body })),
  get: (id: string) => answer(client.GET("/api/v1/matching-lists/{matching_list_id}", one(id))),
  setMeanings: (id: string, body: Schemas["MeaningsIn"]) =>
    answer(client.PUT("/api/v1/matching-lists/{matching_list_id}/meanings", { ...one(id), body })),
  rows: (id: string, difference: Difference, after: string | null) =>
    answer(
      client.GET("/api/v1/matching-lists/{matching_list_id}/rows", {
        params: { path: { matching_list_id: id }, query: { difference, ...(after !== null && { after }) } },
      }),
    ),
  decide: (id: string, rowId: string, body: Decision) =>
    answer(
      client.POST("/api/v1/matching-lists/{matching_list_id}/rows/{matching_row_id}/decision", { ...row(id, rowId), body }),
    ),
  undo: (id: string, rowId: string) =>
    answer(client.POST("/api/v1/matching-lists/{matching_list_id}/rows/{matching_row_id}/undo", row(id, rowId))),
  decideMany: (id: string, body: Schemas["BulkIn"]) =>
    answer(client.POST("/api/v1/matching-lists/{matching_list_id}/decisions", { ...one(id), body })),
  erase: (id: string) => answer(client.POST("/api/v1/matching-lists/{matching_list_id}/erase", one(id))),
};

/** The file itself. `fetch` cannot tell how far an upload is; this can. */
export function sendFile(id: string, file: Blob, progress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/v1/matching-lists/${id}/file`);
    request.setRequestHeader("X-Yuyue-Request", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onerror = () => reject(new CallFailure("network", 0, "network", "upload"));
    request.onload = () => {
      if (request.status < 300) {
        resolve();
        return;
      }
      let body: unknown = null;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // an answer of a proxy: its status says enough
      }
      reject(failureFromAnswer(new Response(null, { status: request.status }), body));
    };
    request.send(file);
  });
}
