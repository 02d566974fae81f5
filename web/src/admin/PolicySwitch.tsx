import { api, unwrap } from "../api/client";
import type { Policy } from "../api/types";
import { m } from "../messages";
import { ConfirmButton } from "../pieces/Confirm";
import { noticesOf } from "./notices";
import type { useWrite } from "./useWrite";

interface Props {
  policy: Policy;
  run: ReturnType<typeof useWrite>["run"];
}

/** Puts a policy in force, or turns it off; either says first what it means. */
export function PolicySwitch({ policy, run }: Props) {
  const words = m.recipes.policies;
  const params = {
    path: { name: policy.name },
    header: policy.revision > 0 ? { "If-Match": `"${policy.revision}"` } : {},
  };
  return policy.active ? (
    <ConfirmButton
      label={words.out}
      title={words.turnOff(policy.name)}
      happens={words.offHappens}
      button={{ size: "xs", "aria-label": words.turnOff(policy.name) }}
      run={() => run(unwrap(api.POST("/api/v1/policies/{name}/deactivate", { params })))}
    />
  ) : (
    <ConfirmButton
      label={words.on}
      title={words.turnOn(policy.name)}
      happens={[...words.onHappens, ...noticesOf(policy.warnings)]}
      button={{ size: "xs", "aria-label": words.turnOn(policy.name) }}
      run={() => run(unwrap(api.POST("/api/v1/policies/{name}/activate", { params })))}
    />
  );
}
