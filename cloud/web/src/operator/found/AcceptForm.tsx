import { useMutation } from "@tanstack/react-query";
import { Button, Form, Input, Select } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "../../shared/explain";
import { usePlaces } from "../../shared/usePlaces";
import { type AcceptIn, type Found, found } from "./calls";
import { ROLES, type Subject, subjects } from "./subjects";

type Values = { role: AcceptIn["role"]; subject: string; model: string; label: string; key?: string };

/** What it is, what it is for, and whose: one screen, in a minute. */
export function AcceptForm({ device, onDone }: { device: Found; onDone: () => void }): ReactNode {
  const { t } = useTranslation("operator");
  const { t: common } = useTranslation();
  const places = usePlaces();
  const accepting = useMutation({
    mutationFn: (values: Values) => {
      const [kind, id] = values.subject.split(":") as [Subject["kind"], string];
      const body = {
        role: values.role,
        model: values.model,
        label: values.label,
        [`${kind}_id`]: id,
        link: values.key ? { ble_key: values.key } : {},
      } as AcceptIn;
      return found.accept(device.id, body);
    },
    onSuccess: onDone,
  });
  const options = places.data === undefined ? [] : subjects(places.data);
  const isSealed = device.problem === "no_bind_key";
  return (
    <Form<Values>
      layout="vertical"
      initialValues={{ role: device.suggested_role ?? undefined, model: device.model, label: "" }}
      onFinish={(values) => { accepting.mutate(values); }}
    >
      <p className="found-id">{device.id}</p>
      <Form.Item name="role" label={t("found.role")} rules={[{ required: true, message: t("found.needed") }]}>
        <Select
          options={ROLES.map((role) => ({ value: role, label: t(`found.roleName.${role}`) }))}
        />
      </Form.Item>
      <Form.Item name="subject" label={t("found.whose")} rules={[{ required: true, message: t("found.needed") }]}>
        <Select
          showSearch={{ optionFilterProp: "label" }}
          loading={places.isPending}
          options={options.map(({ kind, id, label }) => ({
            value: `${kind}:${id}`,
            label: `${t(`found.subject.${kind}`)} ${label}`,
          }))}
        />
      </Form.Item>
      <Form.Item name="model" label={t("found.model")}>
        <Input maxLength={100} />
      </Form.Item>
      <Form.Item name="label" label={t("found.label")}>
        <Input maxLength={100} />
      </Form.Item>
      {(isSealed || device.transport === "ble") && (
        <Form.Item
          name="key"
          label={t("found.key")}
          rules={[
            { required: isSealed, message: t("found.needed") },
            { pattern: /^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{24})$/, message: t("found.badKey") },
          ]}
        >
          <Input autoComplete="off" spellCheck={false} />
        </Form.Item>
      )}
      {accepting.error !== null && (
        <p role="alert" className="banner">
          {t("found.notAccepted", { why: explain(common, accepting.error) })}
        </p>
      )}
      <Button type="primary" htmlType="submit" loading={accepting.isPending} block>
        {t("found.accept")}
      </Button>
    </Form>
  );
}
