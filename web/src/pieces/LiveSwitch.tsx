import { Button } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import type { QueryKey } from "@tanstack/react-query";
import { m } from "../messages";
import { usePause } from "../session/Live";
import classes from "./LiveSwitch.module.css";

/** Says that a list moves by itself, and holds it still while somebody reads; give it the key of the list's query. */
export function LiveSwitch({ queryKey }: { queryKey: QueryKey }) {
  const { paused, missed, pause, resume } = usePause(queryKey);
  const words = m.pieces.list;
  return (
    <span className={classes.live}>
      <span className={classes.dot} data-paused={paused || undefined} aria-hidden />
      <span role="status">{paused ? words.paused(missed) : words.live}</span>
      <Button
        size="compact-xs"
        variant="default"
        leftSection={
          paused ? <IconPlayerPlay size={14} aria-hidden /> : <IconPlayerPause size={14} aria-hidden />
        }
        onClick={paused ? resume : pause}
      >
        {paused ? words.resume : words.pause}
      </Button>
    </span>
  );
}
