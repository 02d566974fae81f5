import { Button } from "@mantine/core";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import classes from "../admin/Admin.module.css";
import { sessionsQuery } from "../admin/calls";
import type { Session } from "../admin/types";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { deviceOf } from "../model/device";
import { Chip } from "../pieces/Chip";
import { ConfirmButton } from "../pieces/Confirm";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Row, RowSkeleton, Rows } from "../pieces/Rows";
import { When } from "../pieces/When";

const again = () => queries.invalidateQueries({ queryKey: ["sessions"] });

/** Where the person is signed in, and the way to end it. */
export function Sessions() {
  const sessions = useQuery(sessionsQuery());
  const words = m.account.sessions;
  const items = sessions.data?.items ?? [];
  const others = items.filter((one) => !one.current).length;
  return (
    <Panel
      title={words.title}
      flush
      aside={
        others > 0 && (
          <ConfirmButton
            label={words.endOthers}
            title={words.endOthersAsk}
            happens={words.endOthersHappens(others)}
            button={{ size: "xs" }}
            run={async () => {
              await unwrap(api.POST("/api/v1/sessions:end-others"));
              await again();
            }}
          />
        )
      }
    >
      <p className={classes.lead}>{words.words}</p>
      {sessions.isPending && <RowSkeleton rows={2} />}
      {sessions.error && !sessions.data && <Notice problem={sessions.error} retry={sessions.refetch} />}
      <SessionRows items={items} label={words.title} />
    </Panel>
  );
}

/** Sessions one below the other, the present one first. */
export function SessionRows({ items, label }: { items: Session[]; label: string }) {
  const end = useMutation({
    mutationFn: (id: string) => unwrap(api.POST("/api/v1/sessions/{id}/end", { params: { path: { id } } })),
    onSettled: again,
  });
  const words = m.account.sessions;
  const sorted = [...items].sort((a, b) => Number(b.current) - Number(a.current));
  return (
    <>
      {end.error && <Notice problem={end.error} />}
      <Rows label={label}>
        {sorted.map((one) => {
          const { browser, system } = deviceOf(one.user_agent);
          const device = words.device(browser, system);
          return (
            <Row
              key={one.id}
              lead={<IconDeviceDesktop size={20} aria-hidden />}
              title={device}
              words={
                <>
                  {words.since} <When at={one.created_at} />
                  {one.address && ` ${words.from(one.address)}`} · {words.seen.toLowerCase()}{" "}
                  <When at={one.seen_at} />
                </>
              }
              end={
                one.current ? (
                  <Chip tone="on" icon={<IconDeviceDesktop />}>
                    {words.here}
                  </Chip>
                ) : (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={words.endOf(device)}
                    loading={end.isPending && end.variables === one.id}
                    onClick={() => end.mutate(one.id)}
                  >
                    {words.end}
                  </Button>
                )
              }
            />
          );
        })}
      </Rows>
    </>
  );
}
