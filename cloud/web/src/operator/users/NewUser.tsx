import { useMutation } from "@tanstack/react-query";
import Button from "antd/es/button";
import Input from "antd/es/input";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Role } from "../../api/types";
import { explain } from "../../shared/explain";
import { usersApi } from "./api";
import { RoleChoice } from "./RoleChoice";

type Props = { onMade: (made: { username: string; password: string }) => void };

/** User name, name, role; the password is made by the hub. */
export function NewUser({ onMade }: Props): ReactNode {
  const { t } = useTranslation("operator");
  const { t: common } = useTranslation();
  const usernameId = useId();
  const nameId = useId();
  const [username, setUsername] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("duty");
  const create = useMutation({
    mutationFn: () =>
      usersApi.create({ username: username.trim(), name: name.trim(), role, unit_ids: [] }),
    onSuccess: ({ user, password }) => {
      setUsername("");
      setName("");
      onMade({ username: user.username, password });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!create.isPending) create.mutate();
      }}
    >
      <h2>{t("users.new")}</h2>
      <label htmlFor={usernameId}>{t("users.username")}</label>
      <Input
        id={usernameId}
        autoCapitalize="none"
        spellCheck={false}
        value={username}
        onChange={(event) => setUsername(event.target.value)}
      />
      <label htmlFor={nameId}>{t("users.name")}</label>
      <Input id={nameId} value={name} onChange={(event) => setName(event.target.value)} />
      <p>
        <RoleChoice label={t("users.role")} value={role} onChange={setRole} />
      </p>
      <div role="alert">
        {create.error !== null && t("users.failed", { why: explain(common, create.error) })}
      </div>
      <Button type="primary" htmlType="submit">
        {t("users.create")}
      </Button>
    </form>
  );
}
