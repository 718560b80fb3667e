// The address is the state: the path names the page, the query holds what was chosen on it (sort,
// filter, axes, pinned rows), so that a link shows what its sender saw.
import {signal} from '@preact/signals';

export interface Route {
  path: string[];
  query: URLSearchParams;
}

function current(): Route {
  return {
    path: location.pathname.split('/').filter((part) => part !== ''),
    query: new URLSearchParams(location.search),
  };
}

export const route = signal<Route>(current());

export function navigate(href: string): void {
  history.pushState(null, '', href);
  route.value = current();
  scrollTo(0, 0);
}

// Sets or (null) drops one query parameter, without a new entry in the history.
export function setQuery(name: string, value: string | null): void {
  const query = new URLSearchParams(location.search);
  if (value === null) query.delete(name);
  else query.set(name, value);
  const text = query.toString();
  history.replaceState(null, '', text === '' ? location.pathname : `${location.pathname}?${text}`);
  route.value = current();
}

// Plain clicks on links to this site change the page without loading it again.
export function startRouting(): void {
  addEventListener('popstate', () => (route.value = current()));
  document.addEventListener('click', (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || (link.getAttribute('href') ?? '').startsWith('#')) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
