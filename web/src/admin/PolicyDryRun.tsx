import { Button } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Empty } from "../pieces/Empty";
import { type Column, Listing } from "../pieces/Listing";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import classes from "./Admin.module.css";
import type { DryRun } from "./types";

type Failing = DryRun["would_fail"][number];

const words = m.recipes.policies;

const columns: Column<Failing>[] = [
  { title: words.columns.flag, cell: (one) => one.flag_key },
  { title: words.columns.app, cell: (one) => one.app },
  { title: words.columns.owner, cell: (one) => one.owner },
  {
    title: words.columns.why,
    cell: (one) => one.findings.map((finding) => sentence(finding.message)).join(" "),
  },
];

/** Which of all switches a source would fail. */
export function PolicyDryRun({ name, source }: { name: string; source: string }) {
  const run = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/policies:dry-run", { body: { name, source } })),
  });
  const failing = run.data?.would_fail;
  return (
    <div className={classes.stack}>
      <Panel>
        <p className={classes.quiet} style={{ marginBottom: 16 }}>
          {words.dryWords}
        </p>
        <Button loading={run.isPending} onClick={() => run.mutate()}>
          {words.dryRun}
        </Button>
      </Panel>
      {run.error && <Notice problem={run.error} />}
      {run.data && failing && (
        <Panel title={`${words.judged(run.data.judged)}, ${words.wouldFail(failing.length)}`} flush>
          <Listing
            label={words.dryRun}
            columns={columns}
            list={{
              items: failing,
              old: false,
              problem: null,
              retry: () => run.mutate(),
              more: undefined,
              reading: false,
            }}
            rowKey={(one) => one.flag_key}
            href={(one) => `/flags/${encodeURIComponent(one.flag_key)}`}
            nothing={
              <Empty tall icon={<IconCircleCheck />} title={words.noneFail} words={words.noneFailWords} />
            }
          />
        </Panel>
      )}
    </div>
  );
}
