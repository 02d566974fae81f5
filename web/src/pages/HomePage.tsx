import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "react-router";
import { useSelf } from "../app/session";
import { Inbox } from "../home/Inbox";
import { MyRequests } from "../home/MyRequests";
import { SetUp } from "../home/SetUp";
import { YourApps } from "../home/YourApps";
import { m } from "../messages";
import { Page } from "../pieces/Page";

/** Home: first what waits for me, then what I asked for, then the apps. */
export function Component() {
  const self = useSelf();
  return (
    <Page
      title={m.home.title}
      heading={m.home.hello(self.display_name.split(" ")[0] ?? self.display_name)}
      actions={
        self.can.includes("request.make") && (
          <Button component={Link} to="/publish" leftSection={<IconPlus size={16} aria-hidden />}>
            {m.home.publish}
          </Button>
        )
      }
    >
      <SetUp />
      <Inbox />
      <MyRequests />
      <YourApps />
    </Page>
  );
}
