import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";
import type { Role } from "../../api/types";

export type User = components["schemas"]["UserOut"];
export type UserPage = components["schemas"]["UserPage"];

const of = (user_id: string) => ({ params: { path: { user_id } } });

export const usersApi = {
  list: (q: string, cursor: string | null): Promise<UserPage> =>
    answer(
      client.GET("/api/v1/users", {
        params: { query: { ...(q && { q }), ...(cursor !== null && { cursor }) } },
      }),
    ),
  create: (body: { username: string; name: string; role: Role; unit_ids: string[] }) =>
    answer(client.POST("/api/v1/users", { body })),
  changeRole: (user: User, role: Role) =>
    answer(
      client.PATCH("/api/v1/users/{user_id}", {
        params: { path: { user_id: user.id }, header: { "If-Match": `"${user.version}"` } },
        body: { role },
      }),
    ),
  changeUnits: (user: User, unit_ids: string[]) =>
    answer(
      client.PATCH("/api/v1/users/{user_id}", {
        params: { path: { user_id: user.id }, header: { "If-Match": `"${user.version}"` } },
        body: { unit_ids },
      }),
    ),
  disable: (id: string) => answer(client.POST("/api/v1/users/{user_id}/disable", of(id))),
  enable: (id: string) => answer(client.POST("/api/v1/users/{user_id}/enable", of(id))),
  resetPassword: (id: string) =>
    answer(client.POST("/api/v1/users/{user_id}/password-reset", of(id))),
  removeFactor: (id: string) =>
    answer(client.DELETE("/api/v1/users/{user_id}/second-factor", of(id))),
};
