import { SegmentedControl } from "@mantine/core";
import { useSearchParams } from "react-router";
import type { Change } from "../api/types";
import { m } from "../messages";
import { diff } from "../model/diff";
import { sentence } from "../model/text";
import { Code } from "../pieces/Code";
import { Panel } from "../pieces/Page";
import classes from "./Changes.module.css";

/** What a request changes, in words or as JSON; which of the two stands in the address. */
export function Changes({ changes }: { changes: Change[] }) {
  const [params, setParams] = useSearchParams();
  const json = params.get("diff") === "json";
  function show(value: string) {
    setParams(
      (before) => {
        if (value === "json") before.set("diff", "json");
        else before.delete("diff");
        return before;
      },
      { replace: true, preventScrollReset: true },
    );
  }
  return (
    <Panel
      title={m.request.changes}
      aside={
        changes.length > 0 && (
          <SegmentedControl
            size="xs"
            aria-label={m.request.diffLabel}
            value={json ? "json" : "words"}
            onChange={show}
            data={[
              { value: "words", label: m.request.inWords },
              { value: "json", label: m.request.asJson },
            ]}
          />
        )
      }
    >
      {changes.length === 0 && m.request.noChanges}
      <ul className={classes.changes}>
        {changes.map((change) => (
          <li key={change.path} className={classes.change}>
            <p className={classes.words}>{sentence(change.words)}</p>
            {json && <JsonDiff change={change} />}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function JsonDiff({ change }: { change: Change }) {
  return (
    <div className={classes.diff}>
      <Code label={change.path}>
        <span className={classes.path}>{change.path}</span>
        {diff(change.before, change.after).map((line, i) => (
          <span key={i} className={classes.line} data-kind={line.kind}>
            {line.kind === "added" ? "+ " : line.kind === "gone" ? "− " : "  "}
            {line.text}
          </span>
        ))}
      </Code>
    </div>
  );
}
