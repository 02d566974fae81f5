import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { checkpointQuery } from "../api/calls";
import { m } from "../messages";
import { Code } from "../pieces/Code";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { When } from "../pieces/When";
import classes from "./Audit.module.css";
import { Grown } from "./Grown";

/** The signed state of the log, the download, and how to check it without the server. */
export function Verify() {
  const query = useQuery(checkpointQuery);
  const words = m.audit;
  const checkpoint = query.data;
  const command = [
    "souk audit verify souk-audit.ndjson",
    ...(checkpoint?.keys ?? []).map((key) => `  --key '${key}'`),
  ].join(" \\\n");
  return (
    <div className={classes.aside}>
      <Panel title={words.checkpoint}>
        {query.error && !checkpoint && <Notice problem={query.error} retry={query.refetch} />}
        {checkpoint && (
          <>
            <p className={classes.lead}>
              {words.checkpointWords(checkpoint.size)}
              {checkpoint.at && (
                <>
                  , <When at={checkpoint.at} />
                </>
              )}
            </p>
            <Code label={words.checkpoint} copy={checkpoint.checkpoint}>
              {checkpoint.checkpoint}
            </Code>
          </>
        )}
      </Panel>
      <Grown />
      <Panel title={words.verify}>
        <p className={classes.lead}>{words.verifyWords}</p>
        <Button
          component="a"
          href="/api/v1/audit/export"
          download
          variant="default"
          fullWidth
          mb="sm"
          leftSection={<IconDownload size={16} aria-hidden />}
        >
          {words.export}
        </Button>
        <Code label={words.verify} copy={command}>
          {command}
        </Code>
      </Panel>
    </div>
  );
}
