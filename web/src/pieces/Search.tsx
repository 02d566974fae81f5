import { TextInput, type TextInputProps } from "@mantine/core";
import { useEffect, useState } from "react";

interface Props extends Omit<TextInputProps, "value" | "onChange"> {
  /** What the address says. */
  value: string;
  /** Told a moment after the last key. */
  commit: (value: string) => void;
}

/** A filter whose truth stands in the address: typing shows at once, the address follows. */
export function Search({ value, commit, ...props }: Props) {
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  if (seen !== value) {
    setSeen(value);
    setText(value);
  }
  useEffect(() => {
    if (text === seen) return;
    const timer = setTimeout(() => commit(text.trim()), 300);
    return () => clearTimeout(timer);
  }, [text, seen, commit]);
  return <TextInput {...props} value={text} onChange={(event) => setText(event.currentTarget.value)} />;
}
