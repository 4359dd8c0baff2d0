import { signOut } from '../api/authorization.ts';
import { forgetKept } from '../ui/kept.ts';

/** Ends the sign-in here and at the issuer, and forgets what this person has not finished. */
export function SignOutButton() {
  return (
    <button
      type="button"
      onClick={() => {
        forgetKept();
        void signOut();
      }}
    >
      Sign out
    </button>
  );
}
