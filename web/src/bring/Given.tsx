import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import type { Completion } from "../api/types";
import { m } from "../messages";
import { NoticeBox } from "../pieces/Notice";
import { Report } from "./Report";

const words = m.bring;

/** What came of giving flags what they lack. */
export function Given({ outcome }: { outcome: Completion }) {
  const at = outcome.plans.filter((plan) => !plan.governed);
  const flags = at.reduce((sum, plan) => sum + (plan.counts.update ?? 0), 0);
  const left = outcome.plans.flatMap((plan) => [
    ...plan.flags.filter((step) => step.action === "refuse"),
    ...plan.gaps.filter((gap) => !gap.code.startsWith("no_")),
  ]);
  return (
    <>
      {flags > 0 && <NoticeBox tone="on" title={words.saved(flags)} />}
      {outcome.requests.map((request) => (
        <NoticeBox
          key={request.id}
          tone="info"
          title={words.asked}
          actions={
            <Anchor component={Link} to={`/requests/${request.id}`}>
              {words.openRequest}
            </Anchor>
          }
        >
          <p>{words.askedWords}</p>
        </NoticeBox>
      ))}
      {left.length > 0 && (
        <NoticeBox tone="warn" title={words.left}>
          <Report label={words.left} items={left} />
        </NoticeBox>
      )}
    </>
  );
}
