import Input from "antd/es/input";
import { type ReactNode, useId } from "react";

type Props = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  type?: "text" | "password";
  autoComplete?: string;
};

/** A labelled line of text. */
export function Field({ label, value, onChange, type = "text", autoComplete }: Props): ReactNode {
  const id = useId();
  return (
    <>
      <label htmlFor={id}>{label}</label>
      <Input
        id={id}
        type={type}
        {...(autoComplete !== undefined && { autoComplete })}
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </>
  );
}
