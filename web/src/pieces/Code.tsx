import { Button, CopyButton } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { m } from "../messages";
import classes from "./Code.module.css";

interface Props {
  /** What it is, for those who cannot see where it stands. */
  label: string;
  children: ReactNode;
  /** What the copy button copies; without it there is none. */
  copy?: string;
}

/** Text for machines. It scrolls inside itself, by keyboard too, and can be copied. */
export function Code({ label, children, copy }: Props) {
  return (
    <div className={classes.code}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section aria-label={label} tabIndex={0} className={classes.scroll}>
        <pre className={classes.text}>{children}</pre>
      </section>
      {copy !== undefined && (
        <CopyButton value={copy}>
          {({ copied, copy: act }) => (
            <Button
              size="compact-xs"
              variant="default"
              className={classes.copy}
              leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
              onClick={act}
            >
              {copied ? m.copied : m.copy}
            </Button>
          )}
        </CopyButton>
      )}
    </div>
  );
}

/** Anything as indented JSON. */
export const inJson = (value: unknown): string => JSON.stringify(value, null, 2) ?? "";
