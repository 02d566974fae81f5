import type { ReactNode } from "react";
import type { Finding, Patch } from "../api/types";
import { errorsOf, Warnings } from "./Findings";

/** What every input of Mantine takes: spread it onto one. */
export interface Common {
  id: string;
  label: string;
  description?: string;
  withAsterisk?: boolean;
  error: ReactNode;
}

interface Props {
  /** Path of what it fills in, such as app.url: findings and links come by it. */
  name: string;
  label: string;
  help?: string;
  required?: boolean;
  /** All findings by field; this one takes its own. */
  findings?: Map<string, Finding[]>;
  fix?: (patch: Patch[]) => void;
  children: (common: Common) => ReactNode;
}

/** A labelled input with what was found about it: the errors in its error slot, the warnings below. */
export function Field({ name, label, help, required, findings, fix, children }: Props) {
  const own = findings?.get(name);
  return (
    <div>
      {children({
        id: name,
        label,
        description: help || undefined,
        withAsterisk: required,
        error: errorsOf({ findings: own, fix }),
      })}
      <Warnings findings={own} fix={fix} />
    </div>
  );
}
