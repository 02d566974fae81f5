import type { Check } from "../api/types";
import { m } from "../messages";
import { sentence, shortName } from "../model/text";
import { Panel } from "../pieces/Page";
import { CheckChip } from "../pieces/states";
import { When } from "../pieces/When";
import classes from "./Checks.module.css";

const nameOf = (check: Check) => m.publish.checkNames[check.name] ?? check.name;

/** The automatic checks of a request: those that found something with what they found, the others in one line. */
export function Checks({ checks }: { checks: Check[] }) {
  const good = ["passed", "not_needed"];
  const open = checks.filter(
    (check) => !good.includes(check.status) || check.findings.length > 0 || check.reported,
  );
  const fine = checks.filter((check) => !open.includes(check));
  return (
    <Panel title={m.request.checks}>
      {open.length > 0 && (
        <ul className={classes.checks}>
          {open.map((check) => (
            <li key={check.name} className={classes.check}>
              <div className={classes.head}>
                <span className={classes.name} title={check.name}>
                  {nameOf(check)}
                </span>
                <CheckChip status={check.status} />
              </div>
              <Findings findings={check.findings} />
              <Source check={check} />
            </li>
          ))}
        </ul>
      )}
      {fine.length > 0 && (
        <ul className={classes.fine} aria-label={m.request.passed}>
          {fine.map((check) => (
            <li key={check.name} className={classes.head}>
              <span title={check.name}>{nameOf(check)}</span>
              <CheckChip status={check.status} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Whose word a check rests on besides that of Souk itself. */
function Source({ check: { reported } }: { check: Check }) {
  if (!reported) return null;
  const words = m.request;
  return (
    <div className={classes.reported}>
      {words.reported(shortName(reported.by))} <When at={reported.at} />
      {reported.expires_at && (
        <>
          , {words.reportUntil} <When at={reported.expires_at} />
        </>
      )}
      {reported.url && (
        <>
          {" "}
          <a href={reported.url} target="_blank" rel="noreferrer">
            {words.report}
          </a>
        </>
      )}
    </div>
  );
}

function Findings({ findings }: { findings: Check["findings"] }) {
  if (findings.length === 0) return null;
  return (
    <ul className={classes.findings}>
      {findings.map((finding) => (
        <li key={`${finding.source} ${finding.field} ${finding.message}`}>
          {sentence(finding.message)}
          {finding.remediation && <span className={classes.fix}> {sentence(finding.remediation)}</span>}
          {finding.field && <code className={classes.field}>{finding.field}</code>}
          {finding.source && <span className={classes.source}>{m.request.source(finding.source)}</span>}
        </li>
      ))}
    </ul>
  );
}
