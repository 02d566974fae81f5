import type { Assessment, Need } from "../api/types";
import { m } from "../messages";
import { sentence, shortName } from "../model/text";
import { Panel } from "../pieces/Page";
import { PlanWords } from "../pieces/PlanWords";
import { RiskChip } from "../pieces/states";
import classes from "./Outlook.module.css";

/** What a submit will lead to: who is reached, risk and why, who approves, and the way to people. */
export function Outlook({ assessment }: { assessment: Assessment | undefined }) {
  if (!assessment) return null;
  const words = m.publish.review;
  const { impact, plan } = assessment;
  return (
    <aside className={classes.aside} aria-label={words.path}>
      {impact.words && (
        <Panel title={m.request.impact}>
          <p className={classes.line}>{sentence(impact.words)}</p>
        </Panel>
      )}
      <Panel title={words.risk} aside={<RiskChip risk={assessment.risk} />}>
        {assessment.risk_reasons.length > 0 ? (
          <ul className={classes.plain}>
            {assessment.risk_reasons.map((reason) => (
              <li key={reason}>{sentence(reason)}</li>
            ))}
          </ul>
        ) : (
          m.request.noRisk
        )}
      </Panel>
      <Panel title={words.approvers}>
        <Approvers needs={assessment.approvals_needed} />
      </Panel>
      {plan.length > 0 && (
        <Panel title={words.path}>
          <PlanWords steps={plan} />
          <p className={classes.dim}>{words.pathWords}</p>
        </Panel>
      )}
    </aside>
  );
}

function Approvers({ needs }: { needs: Need[] }) {
  const words = m.publish.review;
  if (needs.length === 0) return words.nobody;
  return (
    <ul className={classes.plain}>
      {needs.map((need) => (
        <li key={need.domain}>
          <strong>{words.approver(need.domain, need.quorum)}</strong>
          <span className={classes.who}> · {words.eligible(need.eligible.map(shortName))}</span>
        </li>
      ))}
    </ul>
  );
}
