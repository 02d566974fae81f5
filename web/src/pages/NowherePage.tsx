import { Button } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { Link } from "react-router";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Page, Panel } from "../pieces/Page";

/** An address that leads nowhere. */
export function Component() {
  return (
    <Page title={m.error.notFound}>
      <Panel>
        <Empty tall icon={<IconMapOff />} title={m.error.notFound} words={m.error.notFoundFix}>
          <Button component={Link} to="/">
            {m.error.home}
          </Button>
        </Empty>
      </Panel>
    </Page>
  );
}
