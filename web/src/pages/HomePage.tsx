import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "react-router";
import { useSelf } from "../app/session";
import { Apps } from "../home/Apps";
import { Inbox } from "../home/Inbox";
import { MyRequests } from "../home/MyRequests";
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
        <Button component={Link} to="/publish" leftSection={<IconPlus size={16} aria-hidden />}>
          {m.home.publish}
        </Button>
      }
    >
      <Inbox />
      <MyRequests />
      <Apps />
    </Page>
  );
}
