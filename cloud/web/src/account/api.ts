import { answer, client } from "../api/client";
import type { components } from "../api/schema";

export type Session = components["schemas"]["SessionOut"];
export type Enrolment = components["schemas"]["SecondFactorOut"];

export type Point = components["schemas"]["PointOut"];
type PointIn = components["schemas"]["PointIn"];

const ofPoint = (point_id: string) => ({ params: { path: { point_id } } });

export const accountApi = {
  points: () => answer(client.GET("/api/v1/contact-points")),
  addPoint: (body: PointIn): Promise<Point> => answer(client.POST("/api/v1/contact-points", { body })),
  sendCode: (id: string): Promise<Point> =>
    answer(client.POST("/api/v1/contact-points/{point_id}/code", ofPoint(id))),
  verifyPoint: (id: string, code: string): Promise<Point> =>
    answer(client.POST("/api/v1/contact-points/{point_id}/verify", { ...ofPoint(id), body: { code } })),
  testPoint: (id: string): Promise<Point> =>
    answer(client.POST("/api/v1/contact-points/{point_id}/test", ofPoint(id))),
  removePoint: async (id: string): Promise<void> => {
    await answer(client.DELETE("/api/v1/contact-points/{point_id}", ofPoint(id)));
  },
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
