import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { setupQuery } from "../admin/calls";
import { inboxQuery } from "../api/calls";
import { Inbox } from "../home/Inbox";
import { MyRequests, mineQuery } from "../home/MyRequests";
import { SetUp } from "../home/SetUp";
import { YourApps } from "../home/YourApps";
import { m } from "../messages";
import { Panels } from "../pieces/Loading";
import { Page } from "../pieces/Page";
import { useSelf } from "../session/session";

/** Home: first what waits for me, then what I asked for, then the apps. */
export function Component() {
  const self = useSelf();
  const governs = self.can.includes("govern.write");
  // What decides how many panels there are is awaited together, so that nothing moves when it comes.
  const first = useQueries({
    queries: [inboxQuery, mineQuery, { ...setupQuery, enabled: governs }],
    combine: (all) => all.some((query) => query.isPending && query.fetchStatus !== "idle"),
  });
  // Once there they stay: a panel that failed asks again by itself, and that is no reason to take all of them away.
  const [there, setThere] = useState(false);
  if (!first && !there) setThere(true);
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
      {!there ? (
        <Panels heights={[180, 180, 240]} />
      ) : (
        <>
          <SetUp />
          <Inbox />
          <MyRequests />
          <YourApps />
        </>
      )}
    </Page>
  );
}
