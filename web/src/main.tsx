import './ui/tokens.css';
import './ui/base.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { isSignedOut, openSignIn } from './api/authorization.ts';
import { loadConfig } from './app/config.ts';
import { queryClient } from './app/query-client.ts';
import { router } from './app/router.tsx';
import { SignInPage } from './app/sign-in-page.tsx';
import { forgetOldDraft } from './ui/kept.ts';

forgetOldDraft();
const root = createRoot(document.getElementById('root')!);
try {
  await openSignIn(await loadConfig());
  root.render(isSignedOut() ? <SignInPage /> : <App />);
} catch (error) {
  root.render(<SignInPage error={error as Error} />);
}

function App() {
  return (
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>
  );
}
