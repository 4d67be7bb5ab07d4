import { answer, client } from "../api/client";
import type { components } from "../api/schema";

export type Session = components["schemas"]["SessionOut"];
export type Enrolment = components["schemas"]["SecondFactorOut"];

export const accountApi = {
  sessions: () => answer(client.GET("/api/v1/account/sessions")),
  endSession: async (session_id: string): Promise<void> => {
    await answer(
      client.DELETE("/api/v1/account/sessions/{session_id}", { params: { path: { session_id } } }),
    );
  },
  changePassword: async (password: string, new_password: string): Promise<void> => {
    await answer(client.PUT("/api/v1/account/password", { body: { password, new_password } }));
  },
  beginFactor: (password: string): Promise<Enrolment> =>
    answer(client.POST("/api/v1/account/second-factor", { body: { password } })),
  confirmFactor: (code: string) =>
    answer(client.POST("/api/v1/account/second-factor/confirm", { body: { code } })),
  removeFactor: async (password: string): Promise<void> => {
    await answer(client.POST("/api/v1/account/second-factor/remove", { body: { password } }));
  },
};
