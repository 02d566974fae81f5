import type { Check } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Panel } from "../pieces/Page";
import { CheckChip } from "../pieces/states";
import classes from "./Checks.module.css";

/** The automatic checks of a request and what they found. */
export function Checks({ checks }: { checks: Check[] }) {
  return (
    <Panel title={m.request.checks}>
      <ul className={classes.checks}>
        {checks.map((check) => (
          <li key={check.name} className={classes.check}>
            <div className={classes.head}>
              <span className={classes.name} title={check.name}>
                {m.publish.checkNames[check.name] ?? check.name}
              </span>
              <CheckChip status={check.status} />
            </div>
            {check.findings.length > 0 && (
              <ul className={classes.findings}>
                {check.findings.map((finding) => (
                  <li key={`${finding.field} ${finding.message}`}>
                    {sentence(finding.message)}
                    {finding.remediation && (
                      <span className={classes.fix}> {sentence(finding.remediation)}</span>
                    )}
                    {finding.field && <code className={classes.field}>{finding.field}</code>}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
