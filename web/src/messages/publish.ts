import { list } from "../model/text";

const number = (value: unknown) => String(value);

export const publish = {
  titles: {
    publish_app: {
      title: () => "Publish an app",
      words: "Four short steps. What you type is checked as you go, and kept as a draft until you submit it.",
    },
    create_flag: {
      title: (app: string) => `Add a switch to ${app}`,
      words: "Another switch for an app that is there already. What you type is kept as a draft.",
    },
    change_app: {
      title: (app: string) => `Change ${app}`,
      words: "Say what should be different. Others approve it before people see it.",
    },
  },
  draft: {
    title: "Your draft",
    words: "What you type is kept as a draft until you submit it.",
    none: "",
    saving: "Saving the draft …",
    saved: "Saved as a draft: you can go on at any time, in any browser.",
    here: "Kept in this browser. It is saved as soon as Souk answers.",
    discard: "Discard",
    discardName: (title: string) => `Discard the draft: ${title}`,
    discardConfirm: "Discard the draft for good",
    keep: "Keep it",
    continue: "Continue",
    continueName: (title: string) => `Continue your draft: ${title}`,
    found: (n: number) => (n === 1 ? "You have begun one before" : "You have begun some before"),
  },
  editTitle: "Edit the request",
  editWords: "An edit voids the approvals given so far: people approve exactly what they have read.",
  steps: { template: "Template", app: "Your app", options: "Who and how long", review: "Review and submit" },
  stepsLabel: "Steps",
  toMend: (n: number) => (n === 1 ? "1 thing to mend" : `${n} things to mend`),
  next: "Continue",
  previous: "Back",
  kept: "What you typed before is still here, from",
  startOver: "Start over",
  templates: {
    title: "What are you making?",
    words: "A template decides what is asked, what is checked and how it reaches people.",
    use: "Use this template",
    chosen: "Chosen",
    name: (template: string) => `Use the template ${template}`,
    checks: (names: string[]) => `Checked for: ${list(names)}`,
    asks: (n: number) => `${n} questions`,
    none: "There are no templates yet",
    noneWords:
      "An administrator adds them, with souk apply or through the API. Ask one for a template that fits your app.",
  },
  checkNames: {
    schema: "Complete and well-formed",
    audit_fields_present: "Somebody answers for it",
    policy: "Company rules",
    dependency_check: "What it depends on",
    security_scan: "Security",
    data_access: "Data access",
    preview: "Preview",
  } as Record<string, string>,
  checkedFor: {
    audit_fields_present: "who answers for it",
    dependency_check: "what it depends on",
    security_scan: "security",
    data_access: "data access",
    preview: "a preview",
  } as Record<string, string>,
  app: {
    title: "Tell people about your app",
    changeTitle: "What is known of the app",
    name: "Name",
    nameHelp: "As people will see it in the marketplace.",
    slug: "Short name",
    slugHelp: "For addresses and switches: small letters, digits and hyphens. It cannot change later.",
    description: "Description",
    descriptionHelp: "One or two sentences in plain words: what it does, and for whom.",
    category: "Category",
    categories: {
      dashboard: "Dashboard",
      notification: "Notification",
      automation: "Automation",
      integration: "Integration",
      other: "Something else",
    },
    owner: "Owner team",
    ownerHelp: "The team that answers for the app. You can publish for teams that you are in.",
    noTeam: "You are in no team yet. Ask an administrator to add you to one.",
    contact: "Contact",
    contactHelp: "An e-mail address, or a help page that begins with https://",
    url: "Web address",
    urlHelp: "Where the app runs, beginning with https://",
  },
  data: {
    title: "What data it shows",
    help: "The more sensitive the data, the more people look at it before it goes live.",
    classifications: {
      none: "No company data",
      internal: "For colleagues only",
      confidential: "Customers, money or people",
    },
    why: "Which data, and why",
    whyHelp: "One sentence: what the app reads, and what it needs it for.",
  },
  options: {
    title: "Who may see it, and for how long",
    key: "Your app switch will be called",
    removal: "Removal plan",
    removalHelp: "What happens to the app when its time is up, and who does it.",
    day: (n: number) => (n === 1 ? "day" : "days"),
    yes: "Yes",
    no: "No",
    choose: "Choose",
    addToList: "Type and press Enter",
  },
  refused(label: string, keyword: string, limit: unknown, value: unknown): string {
    switch (keyword) {
      case "required":
        return `${label} is not filled in`;
      case "maximum":
        return `${label} must be at most ${number(limit)}, is ${number(value)}`;
      case "minimum":
        return `${label} must be at least ${number(limit)}, is ${number(value)}`;
      case "maxLength":
        return `${label} must have at most ${number(limit)} characters`;
      case "minLength":
        return `${label} must have at least ${number(limit)} characters`;
      case "maxItems":
        return `${label} must have at most ${number(limit)} entries`;
      case "minItems":
        return `${label} must have at least ${number(limit)}`;
      case "enum":
        return `${label} must be one of the choices`;
      case "type":
        return `${label} is not of the kind that is asked for`;
      default:
        return `${label} does not have the form that is asked for`;
    }
  },
  review: {
    title: "Look it over",
    why: "Why do you need it?",
    whyHelp: "One sentence for those who approve it.",
    summary: "What you ask for",
    change: "Change",
    changeStep: (step: string) => `Change: ${step}`,
    empty: "Not filled in",
    mend: "Before you can submit",
    warnings: "Good to know",
    goTo: "Go there",
    checking: "Checking what you typed",
    approvers: "Who will approve",
    approver: (domain: string, quorum: number) => (quorum === 1 ? domain : `${quorum} of ${domain}`),
    eligible: (names: string[]) =>
      names.length === 0 ? "nobody can at the moment" : `${list(names, "or")} can`,
    nobody: "Nobody has to: it takes effect when you submit.",
    risk: "Risk",
    path: "How it reaches people",
    pathWords: "After the approval you start it; until then it is off everywhere but in the sandbox.",
    submit: "Submit for approval",
    save: "Save the changes",
    signedIn: (name: string) => `You submit as ${name}.`,
  },
  stale: {
    closed: (state: string) => `The request cannot be edited any more: ${state}.`,
  },
  switchName: "Enabled",
};
