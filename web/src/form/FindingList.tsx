import { Button } from "@mantine/core";
import type { Finding, Patch } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";

interface Props {
  findings: Finding[];
  /** Leads to the field of a finding; undefined where a field stands on no form. */
  goTo?: (field: string) => (() => void) | undefined;
  fix?: (patch: Patch[]) => void;
}

/** Findings one below the other, each with its mend and the way to its field. */
export function FindingList({ findings, goTo, fix }: Props) {
  return (
    <ul>
      {findings.map((finding) => {
        const go = finding.field ? goTo?.(finding.field) : undefined;
        return (
          <li key={`${finding.field} ${finding.message}`}>
            {sentence(finding.message)} {finding.remediation && sentence(finding.remediation)}{" "}
            {fix && finding.patch && finding.patch.length > 0 && (
              <Button
                size="compact-xs"
                variant="light"
                aria-label={m.pieces.fixName(finding.message)}
                onClick={() => fix(finding.patch ?? [])}
              >
                {m.pieces.fix}
              </Button>
            )}{" "}
            {go && (
              <Button
                size="compact-xs"
                variant="subtle"
                aria-label={`${m.publish.review.goTo}: ${finding.message}`}
                onClick={go}
              >
                {m.publish.review.goTo}
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
