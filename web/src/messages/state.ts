export const state = {
  request: {
    needs_fixes: "Needs fixes",
    needs_approval: "Waiting for approval",
    approved: "Approved",
    denied: "Denied",
    withdrawn: "Withdrawn",
  },
  check: { pending: "Pending", passed: "Passed", failed: "Failed", warned: "Warning" },
  risk: { low: "Low risk", medium: "Medium risk", high: "High risk" },
  rollout: {
    ready: "Ready to start",
    running: "Rolling out",
    paused: "Paused",
    completed: "Completed",
    aborted: "Aborted",
  },
  lifecycle: {
    proposed: "Proposed",
    approved: "Approved",
    staged: "Staged",
    active: "Active",
    deprecated: "Deprecated",
    removed: "Removed",
  },
  serving: {
    on: "On for everybody",
    off: "Off",
    killed: "Turned off for everybody",
    notLive: "Not there yet",
    share: (percent: number, audience: string) =>
      audience ? `On for ${percent} % of ${audience}` : `On for ${percent} %`,
  },
  cause: {
    approved: "Approved",
    rollout: "Rollout",
    kill: "Turned off",
    restore: "Turned on again",
    removed: "Removed",
    segment: "Audience changed",
  },
};
