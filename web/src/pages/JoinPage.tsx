import { Anchor } from "@mantine/core";
import { IconLinkOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { sessionQuery } from "../api/calls";
import { api, Problem, unwrap } from "../api/client";
import { Entrance } from "../entry/Entrance";
import { JoinForm } from "../entry/JoinForm";
import { takeSecret } from "../entry/secret";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Loading } from "../pieces/Loading";
import { Notice } from "../pieces/Notice";

/** Where a one-time link leads: set-up, an invitation, a new password. */
export function Component() {
  const [secret, setSecret] = useState(takeSecret);
  useEffect(() => {
    // Another link, opened over this page.
    const again = () => window.location.hash && setSecret(takeSecret());
    window.addEventListener("hashchange", again);
    return () => window.removeEventListener("hashchange", again);
  }, []);
  const words = m.entry.join;
  const session = useQuery(sessionQuery);
  const link = useQuery({
    queryKey: ["link", secret],
    queryFn: () => unwrap(api.POST("/api/v1/links:read", { body: { secret } })),
    enabled: secret !== "",
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: (count, error) => count < 2 && !(error instanceof Problem && error.status < 500),
  });
  const gone = link.error instanceof Problem && link.error.status >= 400 && link.error.status < 429;
  if (secret === "" || gone) {
    return (
      <Entrance title={words.title} heading={m.product}>
        <Empty
          icon={<IconLinkOff />}
          title={gone ? words.gone : words.none}
          words={gone ? words.goneWords : words.noneWords}
        >
          <Anchor component={Link} to="/sign-in">
            {words.toSignIn}
          </Anchor>
        </Empty>
      </Entrance>
    );
  }
  if (!link.data) {
    return (
      <Entrance title={words.title} heading={m.product}>
        {link.error ? <Notice problem={link.error} retry={link.refetch} /> : <Loading panels={[320]} />}
      </Entrance>
    );
  }
  return <JoinForm secret={secret} link={link.data} signedIn={session.data?.person ?? null} />;
}
