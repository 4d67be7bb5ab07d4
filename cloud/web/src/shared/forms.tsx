import "./forms.css";

import Button from "antd/es/button";
import { type ReactNode, type SyntheticEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "./explain";
import { CHINA_OFFSET_MS } from "./time";

type FieldProps = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
  type?: "text" | "date" | "datetime-local" | "number" | "search" | "tel" | "password";
  multiline?: boolean;
  hint?: string;
  testId?: string;
};

/** A labelled line of text. */
export function TextField(props: FieldProps): ReactNode {
  const id = useId();
  const shared = {
    id,
    value: props.value,
    required: props.required ?? false,
    "data-testid": props.testId,
    "aria-describedby": props.hint ? `${id}-hint` : undefined,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.multiline ? (
        <textarea {...shared} rows={3} onChange={(event) => props.onChange(event.target.value)} />
      ) : (
        <input
          {...shared}
          type={props.type ?? "text"}
          step={props.type === "number" ? "any" : undefined}
          onChange={(event) => props.onChange(event.target.value)}
        />
      )}
      {props.hint && (
        <small id={`${id}-hint`} className="field-hint">
          {props.hint}
        </small>
      )}
    </div>
  );
}

type Option = { value: string; label: string };

type SelectProps = Omit<FieldProps, "type" | "multiline"> & { options: readonly Option[] };

/** A labelled choice of one. */
export function SelectField(props: SelectProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        required={props.required ?? false}
        data-testid={props.testId}
        onChange={(event) => props.onChange(event.target.value)}
      >
        {props.options.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

type ChecksProps = {
  label: string;
  value: readonly string[];
  onChange: (value: string[]) => void;
  options: readonly Option[];
};

/** A labelled choice of several. */
export function ChecksField({ label, value, onChange, options }: ChecksProps): ReactNode {
  return (
    <fieldset className="field checks">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="checkbox"
            checked={value.includes(option.value)}
            onChange={(event) =>
              onChange(
                event.target.checked
                  ? [...value, option.value]
                  : value.filter((each) => each !== option.value),
              )
            }
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}

type FormProps = {
  title: string;
  submit: string;
  onSubmit: () => Promise<void>;
  children: ReactNode;
  testId?: string;
  /** What is said once it is done; by default that it is saved. */
  done?: string;
};

/** A form that says what went wrong where it stands, and what was done. */
export function CallForm({ title, submit, onSubmit, children, testId, done }: FormProps): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<{ good: boolean; text: string } | null>(null);
  const send = async (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    setSaid(null);
    try {
      await onSubmit();
      setSaid({ good: true, text: done ?? t("form.done") });
    } catch (problem) {
      setSaid({ good: false, text: explain(t, problem) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="call-form" aria-labelledby={id} data-testid={testId} onSubmit={(e) => void send(e)}>
      <h2 id={id}>{title}</h2>
      <div className="call-form-fields">{children}</div>
      <div className="call-form-end">
        <Button type="primary" htmlType="submit" loading={busy}>
          {submit}
        </Button>
        {said && (
          <span role={said.good ? "status" : "alert"} data-good={said.good}>
            {said.text}
          </span>
        )}
      </div>
    </form>
  );
}

type ActionProps = {
  label: string;
  onPress: () => Promise<void>;
  testId?: string;
};

/** A button that does one thing and says where it failed. */
export function ActionButton({ label, onPress, testId }: ActionProps): ReactNode {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const press = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await onPress();
    } catch (problem) {
      setFailure(explain(t, problem));
    } finally {
      setBusy(false);
    }
  };
  return (
    <span className="action">
      <Button size="small" loading={busy} data-testid={testId} onClick={() => void press()}>
        {label}
      </Button>
      {failure !== null && <span role="alert">{failure}</span>}
    </span>
  );
}

/** Now, as a field of date and time shows it: in the time of the house, as every time on the page. */
export const localNow = (now: number = Date.now()): string => new Date(now + CHINA_OFFSET_MS).toISOString().slice(0, 16);

/** What a field of date and time holds (time of the house), as the API takes it. */
export const toIso = (local: string): string => new Date(Date.parse(`${local}Z`) - CHINA_OFFSET_MS).toISOString();
