// How a changeset reads in CHANGELOG.md: a bullet, as those written by hand; no commit hash, which tells a user nothing.
export default {
  getReleaseLine: async ({ summary }) => {
    const [first, ...others] = summary.trim().split("\n");
    return [`- ${first}`, ...others.map((line) => (line === "" ? "" : `  ${line}`))].join("\n");
  },
  getDependencyReleaseLine: async () => "",
};
