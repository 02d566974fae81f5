import type { Compliance } from "../api/types";
import { m } from "../messages";
import { number } from "../model/text";
import { Bars } from "../pieces/Bars";

const words = m.bring;

/** How many flags lacked something, day by day. One day by itself is no chart. */
export function Progress({ compliance }: { compliance: Compliance }) {
  const days = [...compliance.days, compliance.now];
  if (days.length < 2) return null;
  const now = compliance.now;
  return (
    <Bars
      label={words.progressOf}
      lines={[
        { id: "some", name: words.lackSomething, colour: 1, total: number(now.flags - now.complete) },
        { id: "none", name: words.lackNothing, colour: "kept", total: number(now.complete) },
      ]}
      columns={days.map((one) => ({
        id: one.day,
        when: one.day,
        counts: [one.flags - one.complete, one.complete],
        total: one.flags,
        words: words.dayWords(one.day, one.flags - one.complete, one.flags),
      }))}
      top={Math.max(1, ...days.map((one) => one.flags))}
      format={number}
      tableTitle={words.asTable}
      whenTitle={words.day}
    />
  );
}
