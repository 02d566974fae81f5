import { Button } from "@mantine/core";
import { IconAlertTriangle, IconWand } from "@tabler/icons-react";
import { Problem } from "../api/client";
import type { Finding, Patch } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import classes from "./Findings.module.css";

interface Props {
  findings: Finding[] | undefined;
  /** Mends what a finding says how to mend; without it nothing offers to. */
  fix?: (patch: Patch[]) => void;
}

/** What is wrong at a field, how to mend it, and the mend itself where a machine can do it. */
function Notes({ findings, fix }: { findings: Finding[]; fix: Props["fix"] }) {
  return findings.map((finding) => (
    <span key={finding.code + finding.message} className={classes.note} data-severity={finding.severity}>
      <IconAlertTriangle size={16} aria-hidden className={classes.icon} />
      <span>
        <span className={classes.message}>{sentence(finding.message)}</span>{" "}
        {finding.remediation && <span>{sentence(finding.remediation)} </span>}
        {fix && finding.patch && finding.patch.length > 0 && (
          <Button
            size="compact-xs"
            variant="light"
            leftSection={<IconWand size={14} aria-hidden />}
            aria-label={m.pieces.fixName(finding.message)}
            onClick={() => fix(finding.patch ?? [])}
            className={classes.fix}
          >
            {m.pieces.fix}
          </Button>
        )}
      </span>
    </span>
  ));
}

/** The errors of a field, for the error slot of its input; undefined when there are none. */
export function errorsOf({ findings, fix }: Props) {
  const errors = (findings ?? []).filter((finding) => finding.severity === "error");
  return errors.length > 0 ? <Notes findings={errors} fix={fix} /> : undefined;
}

/** The warnings of a field, below it. */
export function Warnings({ findings, fix }: Props) {
  const rest = (findings ?? []).filter((finding) => finding.severity !== "error");
  return (
    rest.length > 0 && (
      <div className={classes.warnings}>
        <Notes findings={rest} fix={fix} />
      </div>
    )
  );
}

/** What the server refused, at the fields that it names. */
export function findingsIn(problem: unknown): Finding[] {
  if (!(problem instanceof Problem)) return [];
  return problem.errors
    .filter(({ field }) => field)
    .map(({ field, code, message, remediation }) => ({
      severity: "error",
      field,
      code,
      message,
      remediation,
    }));
}
