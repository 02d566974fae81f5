import { useQuery } from "@tanstack/react-query";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { lifecycleQuery } from "../../admin/calls";
import { LifecycleForm } from "../../admin/LifecycleForm";
import { m } from "../../messages";
import { Loading } from "../../pieces/Loading";
import { Missing } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";

/** The rules of every switch's life. */
export function Component() {
  const query = useQuery(lifecycleQuery);
  const writes = useWrites("lifecycle");
  const words = m.admin.lifecycle;
  const rules = query.data?.lifecycle;
  return (
    <AdminPage section="lifecycle" words={words.words}>
      {query.isPending && <Loading panels={[320]} />}
      {query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      {query.data && writes && <LifecycleForm read={query.data} />}
      {rules && !writes && (
        <Panel>
          {words.example(rules.max_active_days, rules.reminder_schedule_days, rules.deprecated_grace_days)}
        </Panel>
      )}
    </AdminPage>
  );
}
