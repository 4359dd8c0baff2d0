import { useEffect, useState } from 'react';

const KEY = 'cody-batch-theme';
const NEXT = { system: 'light', light: 'dark', dark: 'system' } as const;
type Theme = keyof typeof NEXT;

/** System, light or dark, kept in this browser. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(stored);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  }, [theme]);
  return (
    <button type="button" onClick={() => setTheme(NEXT[theme])} title={`Change to ${NEXT[theme]}`}>
      Theme: {theme}
    </button>
  );
}

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value && value in NEXT ? (value as Theme) : 'system';
}
