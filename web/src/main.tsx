// Entry: styles, then the application into #app.
import {render} from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import {App} from './app';
import {startFeed} from './feed';
import {startRouting} from './route';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');
startRouting();
startFeed();
render(<App />, root);
