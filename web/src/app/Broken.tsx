import { Button } from "@mantine/core";
import { IconMoodSad } from "@tabler/icons-react";
import { useRouteError } from "react-router";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";

/** A screen that threw: says so, shows what a reporter needs, and offers to load it again. */
export function Broken() {
  const error = useRouteError();
  return (
    <Empty tall icon={<IconMoodSad />} title={m.error.crash} words={m.error.crashFix}>
      <Button onClick={() => window.location.reload()}>{m.error.reload}</Button>
      <pre>{error instanceof Error ? error.message : String(error)}</pre>
    </Empty>
  );
}
