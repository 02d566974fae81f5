import { Button } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Flag } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Panel } from "../pieces/Page";
import classes from "./ImportPanel.module.css";

/** What a flag lacks, each with the next step: an imported one in its document, one that was made here in what programs can load. */
export function ImportPanel({ flag }: { flag: Flag }) {
  const words = m.flag.imported;
  return (
    <Panel title={flag.imported ? words.title(flag.imported) : words.made}>
      {flag.gaps.length === 0 ? (
        <p className={classes.complete}>
          <IconCheck size={16} aria-hidden /> {words.complete}
        </p>
      ) : (
        <ul className={classes.gaps} aria-label={words.next}>
          {flag.gaps.map((gap) => (
            <li key={`${gap.code} ${gap.message}`} className={classes.gap}>
              <IconAlertTriangle size={16} aria-hidden className={classes.mark} />
              <div>
                <p className={classes.what}>{sentence(gap.message)}</p>
                <p className={classes.mend}>{sentence(gap.remediation)}</p>
                {gap.code === "no_ttl" && flag.can.includes("extend") && (
                  <Button
                    size="compact-xs"
                    variant="default"
                    component={Link}
                    to={`/flags/${encodeURIComponent(flag.key)}?ask=extend_ttl`}
                  >
                    {words.extend}
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
