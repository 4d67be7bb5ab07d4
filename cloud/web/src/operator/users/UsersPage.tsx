import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import Input from "antd/es/input";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Role } from "../../api/types";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { type User, usersApi } from "./api";
import { NewUser } from "./NewUser";
import { RoleChoice } from "./RoleChoice";
import { UnitsChoice } from "./UnitsChoice";

const USERS = ["users"];

type Told = { username: string; password: string };

/** Who logs in here: made, given a role, let go; a password is shown once to be told. */
export default function UsersPage(): ReactNode {
  const { t } = useTranslation("operator");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const searchId = useId();
  const [search, setSearch] = useState("");
  const [told, setTold] = useState<Told | null>(null);
  const users = useInfiniteQuery({
    queryKey: [...USERS, search],
    queryFn: ({ pageParam }) => usersApi.list(search.trim(), pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  const act = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onSettled: () => queryClient.invalidateQueries({ queryKey: USERS }),
  });
  const reset = (user: User) => () =>
    usersApi
      .resetPassword(user.id)
      .then(({ password }) => setTold({ username: user.username, password }));
  const error = act.error ?? users.failureReason;
  const rows = users.data?.pages.flatMap((page) => page.users) ?? [];
  return (
    <>
      <div role="alert">{error !== null && t("users.failed", { why: explain(common, error) })}</div>
      {told !== null && (
        <p role="status" className="banner">
          {t("users.told", told)}
        </p>
      )}
      <NewUser
        onMade={(made) => {
          setTold(made);
          void queryClient.invalidateQueries({ queryKey: USERS });
        }}
      />
      <label htmlFor={searchId}>{t("users.search")}</label>
      <Input id={searchId} value={search} onChange={(event) => setSearch(event.target.value)} />
      <DataTable
        title={t("users.title")}
        rows={rows}
        rowKey={({ id }) => id}
        empty={t("users.none")}
        columns={[
          { title: t("users.username"), cell: (row) => row.username },
          { title: t("users.name"), cell: (row) => row.name },
          {
            title: t("users.role"),
            cell: (row) => (
              <RoleChoice
                label={t("users.roleOf", { name: row.name })}
                value={row.role}
                onChange={(role: Role) => act.mutate(() => usersApi.changeRole(row, role))}
              />
            ),
          },
          {
            title: t("users.units"),
            cell: (row) => (
              <UnitsChoice
                label={t("users.unitsOf", { name: row.name })}
                value={row.unit_ids}
                onChange={(unitIds) => act.mutate(() => usersApi.changeUnits(row, unitIds))}
              />
            ),
          },
          { title: t("users.state"), cell: (row) => <State user={row} /> },
          {
            title: t("users.actions"),
            cell: (row) => (
              <>
                <Button
                  size="small"
                  onClick={() =>
                    act.mutate(() =>
                      row.disabled_at === null ? usersApi.disable(row.id) : usersApi.enable(row.id),
                    )
                  }
                >
                  {row.disabled_at === null ? t("users.disable") : t("users.enable")}
                </Button>{" "}
                {!row.linked && (
                  <Button size="small" onClick={() => act.mutate(reset(row))}>
                    {t("users.reset")}
                  </Button>
                )}{" "}
                {row.second_factor && (
                  <Button size="small" onClick={() => act.mutate(() => usersApi.removeFactor(row.id))}>
                    {t("users.removeFactor")}
                  </Button>
                )}
              </>
            ),
          },
        ]}
      />
      {users.hasNextPage && (
        <Button onClick={() => void users.fetchNextPage()}>{t("users.more")}</Button>
      )}
    </>
  );
}

function State({ user }: { user: User }): ReactNode {
  const { t } = useTranslation("operator");
  const said = [
    user.disabled_at === null ? t("users.active") : t("users.disabled"),
    user.must_change_password && t("users.mustChange"),
    user.second_factor && t("users.withFactor"),
    user.linked && t("users.linked"),
  ];
  return said.filter(Boolean).join(" · ");
}
