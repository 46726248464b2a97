use cloudformation::relations::AlarmWindow;

const WINDOW: AlarmWindow<3, 1441, 60> = AlarmWindow::new();

fn main() {}
