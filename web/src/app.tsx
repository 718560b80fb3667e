// The frame of every page: skip link, header with navigation and the state of the feed, the page.
import {useEffect, useRef} from 'preact/hooks';
import {connected} from './feed';
import {SweepPage} from './pages/sweep';
import {SweepsPage} from './pages/sweeps';
import {TrialPage} from './pages/trial';
import {WorkersPage} from './pages/workers';
import {route} from './route';

function Page() {
  const [kind, id] = route.value.path;
  if (kind === undefined) return <SweepsPage />;
  if (kind === 'sweeps' && id !== undefined) return <SweepPage key={id} name={`sweeps/${id}`} />;
  if (kind === 'trials' && id !== undefined) return <TrialPage key={id} name={`trials/${id}`} />;
  if (kind === 'workers' && id === undefined) return <WorkersPage />;
  return (
    <>
      <h1>No such page</h1>
      <p>Nothing lives at this address. <a href="/">All sweeps</a> are a good place to go on.</p>
    </>
  );
}

function NavLink({href, current, children}: {href: string; current: boolean; children: string}) {
  return <a href={href} aria-current={current ? 'page' : undefined}>{children}</a>;
}

export function App() {
  const path = route.value.path;
  const place = path.join('/');
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  // After a change of page the focus goes to it, as it would have with a page load.
  useEffect(() => {
    if (!first.current) main.current?.focus({preventScroll: true});
    first.current = false;
  }, [place]);

  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <header class="top">
        <a class="brand" href="/">
          <img src="/favicon.svg" alt="" width="20" height="20" />
          sparsweep
        </a>
        <nav aria-label="Main">
          <NavLink href="/" current={path.length === 0}>Sweeps</NavLink>
          <NavLink href="/workers" current={path[0] === 'workers'}>Workers</NavLink>
        </nav>
        <span class={`feed ${connected.value ? 'on' : 'off'}`} role="status">
          {connected.value ? 'live' : 'reconnecting'}
        </span>
      </header>
      <main id="main" tabIndex={-1} ref={main}><Page /></main>
    </>
  );
}
