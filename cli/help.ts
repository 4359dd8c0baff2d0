export const HELP = `Cody Batch: one prompt, many repositories.

  cody-batch demo                       a whole job on this machine, on real source, without keys
  cody-batch run --repo R … --prompt P  one job, and its results
  cody-batch pull-requests JOB_ID       opens pull requests for the recorded changes of a job; the model is not asked
  cody-batch serve                      the local AWS and the HTTP API, until Ctrl-C

run
  --repo PATH|OWNER/NAME     a work tree of yours (its HEAD is used, the tree is never touched), or, with
                             GITHUB_TOKEN, a repository of GitHub; once for each
  --prompt TEXT              the change to make, in words
  --prompt-file FILE         reads the prompt from a file
  --name TEXT                a name for the job
  --model NAME               the model (CLAUDE_MODEL)
  --max-turns N              the most answers of the model for one repository (60)
  --max-cost USD             the most that the whole job may cost (50)
  --concurrency N            repositories at once (as many as there are cores)
  --verify COMMAND           must exit 0 before a change counts; once for each
  --create-pull-requests     opens pull requests
  --out DIR                  writes each repository's patch and thread there
  --json                     prints one JSON document: the job with its repositories
  --yes                      does not ask before money is spent

pull-requests
  --repo OWNER/NAME          only for this repository of the job; once for each
  --json                     prints one JSON document: the job with its repositories
  --github                   as for serve, if no serve is running

serve
  --port N                   the API's port (3000); the five ports after it are used too
  --concurrency N            workers at once (as many as there are cores)
  --github                   works on GitHub (GITHUB_TOKEN, ALLOWED_REPOSITORIES) instead of the local one
  --require-secret           requires the data folder's secret of your own processes too

run, pull-requests and serve
  --data DIR                 where everything is kept (.cody-batch of the installation)
  --settings FILE            a file of settings (.env of the installation); the environment wins

Exit status: 0 every repository completed, 1 a repository failed or something was not done, 2 wrong usage.
With ANTHROPIC_API_KEY or CLAUDE_API_KEY, Claude does the work. Without a key the offline model does. It carries out
the literal replacements that a prompt names ("Replace all occurrences of 'a' with 'b'").
`;
