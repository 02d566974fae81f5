import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { rehearsalQuery } from "../api/calls";
import type { FlagChange, Rehearsal } from "../api/types";
import { m } from "../messages";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSettled } from "../pieces/useSettled";
import classes from "./TryPanel.module.css";

interface Props {
  flag: string;
  environment: string;
  change: FlagChange;
}

/** What a change would do to what people get whose apps asked lately. */
export function Rehearse({ flag, environment, change }: Props) {
  const settled = useSettled(change, 400);
  const query = useQuery({
    ...rehearsalQuery(flag, environment, settled),
    placeholderData: keepPreviousData,
  });
  const words = m.trial;
  const found = query.data;
  return (
    <Panel title={words.effect}>
      <p className={classes.lead}>{words.effectWords}</p>
      {query.error ? <Notice problem={query.error} retry={query.refetch} /> : null}
      {found && (
        <div role="status">
          <p>{summary(found)}</p>
          <ul className={classes.moves}>
            {found.moves.map((move, i) => (
              <li key={i}>
                <strong>{words.moved(move.count, answer(move.before), answer(move.after))}</strong>
                <ul className={classes.examples}>
                  {move.examples.map((example, j) => (
                    <li key={j}>{told(example)}</li>
                  ))}
                </ul>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Panel>
  );
}

function summary({ contexts, same }: Rehearsal): string {
  if (contexts === 0) return m.trial.nobody;
  return contexts === 1 ? m.trial.one(same) : m.trial.asked(contexts, same);
}

const answer = (of: Rehearsal["moves"][number]["before"]) => (of.variant ? `“${of.variant}”` : m.trial.none);

function told(attributes: Record<string, unknown>): string {
  const all = Object.entries(attributes).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return all.join(", ") || m.trial.nothingKnown;
}
